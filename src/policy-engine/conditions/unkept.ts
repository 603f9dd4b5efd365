/**
 * Stands for the value of an argument that was there when a call was recorded: records keep no values. No reader of
 * JSON makes one, so it is never in the facts of a call that is being made.
 */
export const unkept: unique symbol = Symbol('unkept');
