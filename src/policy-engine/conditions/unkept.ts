/**
 * Stands for the value of an argument of a recorded call, since records hold no values. No reader of JSON makes it, so
 * the facts of a live call never contain it.
 */
export const unkept: unique symbol = Symbol('unkept');
