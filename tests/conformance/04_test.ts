/** The servers of lesson 04 in every scenario. */

import { testServers } from "./conformance.ts";

testServers("04");
