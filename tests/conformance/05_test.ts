/** The servers of lesson 05 in every scenario. */

import { testServers } from "./conformance.ts";

testServers("05");
