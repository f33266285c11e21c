/** The servers of lesson 20 in every scenario. */

import { testServers } from "./conformance.ts";

testServers("20");
