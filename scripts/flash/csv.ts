/** A record of a CSV file with the line that it starts on. */
export interface CsvRecord {
  line: number;
  fields: string[];
}

/** Comma-separated values as in RFC 4180, with a header line or without; empty lines are left out. @throws Error for an open quote. */
export function parseCsv(text: string): CsvRecord[] {
  const records: CsvRecord[] = [];
  let fields: string[] = [];
  let field = '';
  let quoted = false;
  let line = 1;
  let start = 1;
  const endRecord = () => {
    fields.push(field.trim());
    if (fields.some((value) => value !== '')) records.push({ line: start, fields });
    fields = [];
    field = '';
    start = line;
  };
  const characters = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at]!;
    if (character === '\n') line += 1;
    if (quoted) {
      if (character !== '"') field += character;
      else if (characters[at + 1] === '"') field += characters[++at];
      else quoted = false;
    } else if (character === '"' && field.trim() === '') {
      quoted = true;
      field = '';
    } else if (character === ',') {
      fields.push(field.trim());
      field = '';
    } else if (character === '\n') endRecord();
    else field += character;
  }
  if (quoted) throw new Error(`the quote in line ${start} is not closed`);
  endRecord();
  return records;
}
