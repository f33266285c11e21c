/** The servers of lesson 00 in every scenario. */

import { testServers } from "./conformance.ts";

testServers("00");
