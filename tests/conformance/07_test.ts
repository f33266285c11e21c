/** The servers of lesson 07 in every scenario. */

import { testServers } from "./conformance.ts";

testServers("07");
