/** Who runs the program, for defaults that help shows; 0 where the system has no such numbers. */
export const userId: number = process.getuid?.() ?? 0;
