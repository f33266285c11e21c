/** The servers of lesson 18 in every scenario. */

import { testServers } from "./conformance.ts";

testServers("18");
