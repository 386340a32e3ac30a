import type { Primitive } from './dictionary.ts';

/** How a value of each type is written, in words (HL7 v2.5.1, 2.A). */
export const WRITTEN: Readonly<Record<NonNullable<Primitive>, string>> = {
  NM: 'a number such as -12.5',
  SI: 'a whole number from 0 to 9999',
  DT: 'a date as YYYY[MM[DD]]',
  TM: 'a time as HH[MM[SS[.S]]] with or without its offset +/-ZZZZ',
  DTM: 'a time as YYYY[MM[DD[HH[MM[SS[.S]]]]]] with or without its offset +/-ZZZZ',
};

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)$/;
const SEQUENCE = /^\d{1,4}$/;
const DATE = /^(\d{4})(?:(\d{2})(\d{2})?)?$/;
const TIME = /^(\d{2})(?:(\d{2})(?:(\d{2})(?:\.\d{1,4})?)?)?(?:[+-](\d{2})(\d{2}))?$/;
const DATE_TIME = /^(\d{4}(?:\d{2}(?:\d{2})?)?)(\d{2}[\d.]*)?((?:[+-]\d{4})?)$/;

/** Whether a text is a value of the type. White space around a number or a sequence is tolerated, as receivers do. */
export function isWritten(primitive: NonNullable<Primitive>, text: string): boolean {
  switch (primitive) {
    case 'NM':
      return NUMBER.test(text.trim());
    case 'SI':
      return SEQUENCE.test(text.trim());
    case 'DT':
      return isDate(text);
    case 'TM':
      return isTime(text);
    case 'DTM':
      return isDateTime(text);
  }
}

function isDate(text: string): boolean {
  const match = DATE.exec(text);
  if (!match) return false;
  const [month, day] = [Number(match[2] ?? 1), Number(match[3] ?? 1)];
  if (month < 1 || month > 12 || day < 1) return false;
  return day <= new Date(Date.UTC(2000 + (Number(match[1]) % 400), month, 0)).getUTCDate();
}

function isTime(text: string): boolean {
  const match = TIME.exec(text);
  if (!match) return false;
  const [hour, minute, second] = [Number(match[1]), Number(match[2] ?? 0), Number(match[3] ?? 0)];
  return hour < 24 && minute < 60 && second < 60 && Number(match[4] ?? 0) < 24 && Number(match[5] ?? 0) < 60;
}

/** A time of day needs the whole date before it. */
function isDateTime(text: string): boolean {
  const match = DATE_TIME.exec(text);
  if (!match) return false;
  const [, date = '', time = '', offset = ''] = match;
  if (!isDate(date)) return false;
  if (time === '') return offset === '' || isTime(`00${offset}`);
  return date.length === 8 && isTime(time + offset);
}
