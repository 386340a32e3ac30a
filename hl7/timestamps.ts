/**
 * An instant as an HL7 timestamp to the second with its offset, `yyyyMMddHHmmss+hhmm` (HL7 v2.5.1, 2.A.22).
 * @param epochMs milliseconds since 1970
 * @param offset minutes east of UTC
 */
export function formatTimestamp(epochMs: number, offset: number): string {
  const local = new Date(epochMs + offset * 60_000).toISOString();
  const hours = String(Math.floor(Math.abs(offset) / 60)).padStart(2, '0');
  const minutes = String(Math.abs(offset) % 60).padStart(2, '0');
  return `${local.slice(0, 19).replace(/[-:T]/g, '')}${offset < 0 ? '-' : '+'}${hours}${minutes}`;
}
