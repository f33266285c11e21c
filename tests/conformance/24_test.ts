/** The servers of lesson 24 in every scenario. */

import { testServers } from "./conformance.ts";

testServers("24");
