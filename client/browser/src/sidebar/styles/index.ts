/** All styles of the sidebar's one shadow root. */

import { evidenceStyles } from "./evidence.ts";
import { feedStyles } from "./feed.ts";
import { frameStyles } from "./frame.ts";
import { headerStyles } from "./header.ts";
import { playerStyles } from "./player.ts";
import { rosterStyles } from "./roster.ts";

export const sidebarStyles = [frameStyles, headerStyles, rosterStyles, feedStyles, evidenceStyles, playerStyles];
