import type { Message } from '../parse.ts';
import { MessageCheck } from './check.ts';
import { loadDictionary } from './dictionary.ts';
import type { Issue, ValidationSettings } from './settings.ts';

export type { Issue, ValidationSettings } from './settings.ts';

const DEFAULTS: ValidationSettings = { tables: true, lengths: true, types: true };
const NO_ISSUES: readonly Issue[] = Object.freeze([]);

/**
 * Opens the check of messages against the dictionary, by the version that the settings or MSH-12 name. Loads the dictionary,
 * about 70 MB. The check gives at most 100 issues for a message, in the order of its segments; none for a good one.
 */
export async function openValidator(
  settings: Partial<ValidationSettings> = {},
): Promise<(message: Message) => readonly Issue[]> {
  const dictionary = await loadDictionary();
  const whole = { ...DEFAULTS, ...settings };
  const known = dictionary.versions.join(', ');
  return (message) => {
    const name = whole.version ?? message.get('MSH-12.1').trim();
    const version = dictionary.version(name);
    if (!version) return [unknownVersion(known)];
    const issues = new MessageCheck(version, name, whole, message).run(message);
    return issues.length === 0 ? NO_ISSUES : issues;
  };
}

function unknownVersion(known: string): Issue {
  const reason = `the version must be one of ${known}, in MSH-12 or in \`validation.version\``;
  return { code: 'HL7_VERSION_UNKNOWN', path: 'MSH-12', line: 1, reason };
}
