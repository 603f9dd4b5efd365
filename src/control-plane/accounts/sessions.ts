/** How long a sign-in session lasts. */
export const SESSION_DAYS = 30;
