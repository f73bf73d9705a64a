import type { ComponentChildren, Ref } from 'preact';

interface ScrollProps {
  name: string;
  label: string;
  children: ComponentChildren;
  box?: Ref<HTMLElement>;
  onScroll?(event: { currentTarget: HTMLElement }): void;
  onKeyDown?(event: KeyboardEvent): void;
}

/** A region that scrolls. It takes the keyboard, since nothing in it may (WCAG 2.1.1). */
export function Scroll({ name, label, children, box, onScroll, onKeyDown }: ScrollProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: without it the region cannot be scrolled by keyboard
    <section ref={box} class={name} tabIndex={0} aria-label={label} onScroll={onScroll} onKeyDown={onKeyDown}>
      {children}
    </section>
  );
}
