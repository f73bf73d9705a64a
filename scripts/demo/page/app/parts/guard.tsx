import type { ComponentChildren } from 'preact';
import { useErrorBoundary } from 'preact/hooks';

/** Keeps a part that fails, as on a recording that was changed, from taking the page with it. */
export function Guard({ children }: { children: ComponentChildren }) {
  const [error] = useErrorBoundary();
  if (!error) return <>{children}</>;
  return (
    <p class="panel problem" role="alert">
      This part cannot be shown: {error instanceof Error ? error.message : String(error)}
    </p>
  );
}
