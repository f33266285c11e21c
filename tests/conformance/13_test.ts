/** The servers of lesson 13 in every scenario. */

import { testServers } from "./conformance.ts";

testServers("13");
