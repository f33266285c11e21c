/** The servers of lesson 06 in every scenario. */

import { testServers } from "./conformance.ts";

testServers("06");
