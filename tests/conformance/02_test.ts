/** The servers of lesson 02 in every scenario. */

import { testServers } from "./conformance.ts";

testServers("02");
