/** A font of boxes: every character is the same box, spaces are empty. With it text takes the same room on every machine, whatever fonts that has. */
const UNITS = 1_000;
const ADVANCE = 560;
const ASCENT = 800;
const DESCENT = -200;
/** Of the box; between the base line and the height of a small letter. */
const BOX = { left: 60, right: 500, bottom: 0, top: 520 };
/** Glyph numbers. The first is that of characters that a font lacks (OpenType, "glyf"). */
const GLYPH = { missing: 0, box: 1, space: 2 };
const GLYPHS = 3;

/** Big-endian numbers, one after the other: a type as in the OpenType specification, and its value. */
type Field = ['u8' | 'u16' | 'i16' | 'u32', number];
const SIZES = { u8: 1, u16: 2, i16: 2, u32: 4 };

function pack(fields: readonly Field[]): Buffer {
  const bytes = Buffer.alloc(fields.reduce((sum, [type]) => sum + SIZES[type], 0));
  let at = 0;
  for (const [type, value] of fields) {
    if (type === 'u8') bytes.writeUInt8(value, at);
    else if (type === 'u16') bytes.writeUInt16BE(value, at);
    else if (type === 'i16') bytes.writeInt16BE(value, at);
    else bytes.writeUInt32BE(value, at);
    at += SIZES[type];
  }
  return bytes;
}
const u16 = (...values: number[]): Field[] => values.map((value) => ['u16', value]);
const i16 = (...values: number[]): Field[] => values.map((value) => ['i16', value]);
const u32 = (...values: number[]): Field[] => values.map((value) => ['u32', value]);

/** One contour of four points, each on the curve, as 16-bit steps (OpenType, "glyf"). */
const glyf = pack([
  ...i16(1, BOX.left, BOX.bottom, BOX.right, BOX.top),
  ...u16(3, 0),
  ...[1, 1, 1, 1].map((flag): Field => ['u8', flag]),
  ...i16(BOX.left, BOX.right - BOX.left, 0, BOX.left - BOX.right),
  ...i16(BOX.bottom, 0, BOX.top - BOX.bottom, 0),
  ['u16', 0],
]);

/** Format 13: many characters to one glyph. */
function cmap(): Buffer {
  const groups = [
    [0x20, 0x20, GLYPH.space],
    [0x21, 0x9f, GLYPH.box],
    [0xa0, 0xa0, GLYPH.space],
    [0xa1, 0xffff, GLYPH.box],
    [0x1_0000, 0x1_ffff, GLYPH.box],
  ];
  const length = 16 + groups.length * 12;
  return pack([...u16(0, 1, 3, 10), ...u32(12), ...u16(13, 0), ...u32(length, 0, groups.length), ...u32(...groups.flat())]);
}

const name = (() => {
  const text = Buffer.from('Boxes', 'utf16le').swap16();
  const records = [1, 2, 3, 4, 6].flatMap((id) => u16(3, 1, 0x409, id, text.length, 0));
  return Buffer.concat([pack([...u16(0, 5, 6 + 5 * 12), ...records]), text]);
})();

const TABLES: Readonly<Record<string, Buffer>> = {
  'OS/2': pack([
    ...u16(4),
    ...i16(ADVANCE),
    ...u16(400, 5, 0),
    ...i16(650, 600, 0, 75, 650, 600, 0, 350, 50, 300, 0),
    ...Array.from({ length: 10 }, (): Field => ['u8', 0]),
    ...u32(1, 0, 0, 0),
    ...u32(0x20202020),
    ...u16(0x40, 0x20, 0xffff),
    ...i16(ASCENT, DESCENT, 0),
    ...u16(ASCENT, -DESCENT),
    ...u32(1, 0),
    ...i16(BOX.top, BOX.top),
    ...u16(0, 0x20, 1),
  ]),
  cmap: cmap(),
  glyf,
  head: pack([
    ...u32(0x1_0000, 0x1_0000, 0, 0x5f0f3cf5),
    ...u16(3, UNITS),
    ...u32(0, 0, 0, 0),
    ...i16(0, DESCENT, ADVANCE, ASCENT),
    ...u16(0, 8),
    ...i16(2, 0, 0),
  ]),
  hhea: pack([
    ...u32(0x1_0000),
    ...i16(ASCENT, DESCENT, 0),
    ...u16(ADVANCE),
    ...i16(0, 0, BOX.right, 1, 0, 0, 0, 0, 0, 0, 0),
    ...u16(GLYPHS),
  ]),
  hmtx: pack(Array.from({ length: GLYPHS }, () => [...u16(ADVANCE), ...i16(0)]).flat()),
  // Halves of offsets: the missing glyph and the space have no outline.
  loca: pack(u16(0, 0, Math.ceil(glyf.length / 2), Math.ceil(glyf.length / 2))),
  maxp: pack([...u32(0x1_0000), ...u16(GLYPHS, 4, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0)]),
  name,
  post: pack([...u32(0x3_0000, 0), ...i16(-100, 50), ...u32(1, 0, 0, 0, 0)]),
};

const padded = (table: Buffer): Buffer => Buffer.concat([table, Buffer.alloc((4 - (table.length % 4)) % 4)]);

function checksumOf(table: Buffer): number {
  const bytes = padded(table);
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 4) sum = (sum + bytes.readUInt32BE(at)) >>> 0;
  return sum;
}

/** The font as a file (TrueType outlines). */
export function boxFont(): Buffer {
  const entries = Object.entries(TABLES);
  const directory: Field[] = [...u32(0x1_0000), ...u16(entries.length, 128, 3, entries.length * 16 - 128)];
  let offset = 12 + entries.length * 16;
  for (const [tag, table] of entries) {
    directory.push(...u32(Buffer.from(tag.padEnd(4)).readUInt32BE(), checksumOf(table), offset, table.length));
    offset += padded(table).length;
  }
  return Buffer.concat([pack(directory), ...entries.map(([, table]) => padded(table))]);
}
