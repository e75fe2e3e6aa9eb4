/** The words of the proctor's sidebar. */

import { sidebar as ar } from "./ar/sidebar.ts";
import { sidebar as en, type SidebarStrings } from "./en/sidebar.ts";
import type { Area } from "./index.ts";

export type { SidebarStrings };

export const sidebar: Area<SidebarStrings> = { en, ar };
