/** The servers of lesson 22 in every scenario. */

import { testServers } from "./conformance.ts";

testServers("22");
