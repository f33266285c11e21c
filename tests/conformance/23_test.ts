/** The servers of lesson 23 in every scenario that is not about shout. */

import { testServers } from "./conformance.ts";

testServers("23");
