/** Cuts a stream into lines. One that is longer than `maxLength` is dropped up to its end. */
export function createLineSplitter(maxLength: number, onLine: (line: string) => void): (chunk: string) => void {
  let rest = '';
  let isDropping = false;
  return (chunk) => {
    const parts = chunk.split('\n');
    const last = parts.pop()!;
    for (const part of parts) {
      const line = rest + part;
      rest = '';
      if (!isDropping && line.length > 0 && line.length <= maxLength) onLine(line);
      isDropping = false;
    }
    rest = isDropping ? '' : rest + last;
    if (rest.length <= maxLength) return;
    rest = '';
    isDropping = true;
  };
}
