/** The server of lesson 19 in every scenario. */

import { testServers } from "./conformance.ts";

testServers("19");
