import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

/** A region of the page with its heading. */
export function Panel({
  title,
  name,
  aside,
  children,
}: {
  title: string;
  name: string;
  aside?: ComponentChildren;
  children: ComponentChildren;
}) {
  const id = useId();
  return (
    <section class={`panel ${name}`} aria-labelledby={id}>
      <header class="panel-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

export type Tone = 'good' | 'warn' | 'bad' | 'quiet';

const SIGNS: Record<Tone, string> = { good: '●', warn: '▲', bad: '■', quiet: '○' };

/** A state as a word, with a sign besides its colour. */
export function Badge({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return (
    <span class={`badge ${tone}`}>
      <span aria-hidden="true">{SIGNS[tone]}</span> {children}
    </span>
  );
}
