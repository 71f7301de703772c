/** Every bound of this area, and why it is where it is. */

/** The largest description seen in the wild has 60 kB; a larger file is a mistake or an attack. */
export const ddlBytesMax = 2 * 1024 * 1024;

/** Directory levels below `DIR/mcollective/agent` that are searched: deep trees are links in a circle. */
export const searchDepthMax = 16;

/** Files looked at in one search, so that a wrong `libdir` such as `/` ends. */
export const searchFilesMax = 20_000;

/** Different values one summary counts. What comes later is counted together, as it could not be read anyway. */
export const summaryValuesMax = 100_000;

/** Values one chart keeps: more than any fleet has nodes. */
export const chartValuesMax = 1_000_000;

/** Width and precision of a format verb; the reference refuses larger ones as well. */
export const formatWidthMax = 1_000;

/** Blocks inside blocks of a Ruby DDL; real ones have three. */
export const rubyDepthMax = 32;

/** Actions that loops of a Ruby DDL may produce. */
export const rubyStatementsMax = 10_000;
