/** The servers of lesson 14 in every scenario. */

import { testServers } from "./conformance.ts";

testServers("14");
