/** The servers of lesson 03 in every scenario. */

import { testServers } from "./conformance.ts";

testServers("03");
