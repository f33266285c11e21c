/** The servers of lesson 01 in every scenario. */

import { testServers } from "./conformance.ts";

testServers("01");
