/** The servers of lesson 15 in every scenario. */

import { testServers } from "./conformance.ts";

testServers("15");
