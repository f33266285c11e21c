/** The servers of lesson 21 in every scenario. */

import { testServers } from "./conformance.ts";

testServers("21");
