/** Arabic, for sidebar. */

import type { SidebarStrings } from "../index.ts";

export const sidebar: SidebarStrings = {};
