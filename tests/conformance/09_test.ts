/** The servers of lesson 09 in every scenario. */

import { testServers } from "./conformance.ts";

testServers("09");
