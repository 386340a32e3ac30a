/** What people read when the demo or `npm start` cannot go on: what, why, what to do. Has no stack. */
export class StartError extends Error {}
