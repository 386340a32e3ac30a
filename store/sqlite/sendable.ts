/**
 * SQL: whether messages of a body block `b` can be sent. Their bytes are there and stay, and their submission was neither
 * refused nor cancelled, since its sender was told that nothing was taken. The same for a look at an act and for the act.
 */
export const SENDABLE = `EXISTS (SELECT 1 FROM bodies WHERE id = b.id)
  AND NOT EXISTS (SELECT 1 FROM purges WHERE submission = b.submission)
  AND NOT EXISTS (SELECT 1 FROM submissions WHERE number = b.submission AND state IN ('refused', 'cancelled'))`;
