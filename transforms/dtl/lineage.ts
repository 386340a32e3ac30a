/** What came from where, where somebody asks for it. */
import type { Frame, Source } from './program.ts';

/** Notes that a target was written. Sources in HL7 get the number of the segment that a foreach is at: `OBX(2)-5`. */
export function addLineage(frame: Frame, target: string, source: Source, action: string): void {
  const { hl7 } = frame;
  const sources = hl7 ? source.origins.map((origin) => hl7.spelled(origin)) : source.origins;
  frame.trace?.push({ target, sources, action });
}
