/** The servers of lesson 08 in every scenario. */

import { testServers } from "./conformance.ts";

testServers("08");
