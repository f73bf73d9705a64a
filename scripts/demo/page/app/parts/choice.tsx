import type { ComponentChildren } from 'preact';

/** Buttons that belong together, under a name. */
export function Choice({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <fieldset class="tabs">
      <legend class="visually-hidden">{label}</legend>
      {children}
    </fieldset>
  );
}
