import { useId, useState } from 'preact/hooks';
import type { FaultInfo } from '../../model/catalogue.ts';
import { usePage } from '../context.ts';
import { Panel } from './panel.tsx';

const GROUPS = ['Bus', 'Hub', 'Air', 'Cloud'] as const;

/** Everything that can be broken. */
export function Faults() {
  const { catalogue } = usePage();
  const [target, setTarget] = useState(catalogue.targets[1] ?? catalogue.targets[0] ?? 0);
  const [read, setRead] = useState<FaultInfo | null>(null);
  if (catalogue.mode === 'replay') return null;
  return (
    <Panel
      title="Break something"
      name="faults"
      aside={
        catalogue.targets.length > 0 && (
          <label class="inline">
            peripheral{' '}
            <select value={String(target)} onChange={({ currentTarget }) => setTarget(Number(currentTarget.value))}>
              {catalogue.targets.map((address) => (
                <option key={address} value={String(address)}>
                  {address}
                </option>
              ))}
            </select>
          </label>
        )
      }
    >
      <p class="about small" aria-hidden="true">
        {read?.about ?? 'Point at a fault to read what it does. A switch stays on until it is switched off.'}
      </p>
      {GROUPS.filter((group) => catalogue.faults.some((fault) => fault.group === group)).map((group) => (
        <fieldset key={group}>
          <legend>{group}</legend>
          {catalogue.faults
            .filter((fault) => fault.group === group)
            .map((fault) => (
              <FaultButton key={fault.id} fault={fault} target={fault.target ? target : null} onRead={setRead} />
            ))}
        </fieldset>
      ))}
    </Panel>
  );
}

/** A switch, or a button for what is done once. */
export function FaultButton({ fault, target, onRead }: { fault: FaultInfo; target: number | null; onRead?(fault: FaultInfo): void }) {
  const id = useId();
  const { store, harness, say } = usePage();
  const isOn =
    store.watch(({ faults }) => faults.some((each) => each.id === fault.id && each.target === target)).value && fault.kind === 'switch';
  const [busy, setBusy] = useState(false);

  async function flip(): Promise<void> {
    setBusy(true);
    const { body } = await harness
      .post('fault', { id: fault.id, action: isOn ? 'end' : 'begin', ...(target !== null && { target }) })
      .catch((error: Error) => ({ body: { ok: false, message: error.message } }));
    setBusy(false);
    const { ok, message } = body as { ok?: boolean; message?: string };
    if (!ok) say(`${fault.name}: ${message ?? 'not done'}`);
  }

  const label = `${fault.name}${target === null ? '' : ` (${target})`}`;
  const kind = fault.kind === 'switch' ? ({ role: 'switch', 'aria-checked': isOn } as const) : {};
  return (
    <div class="fault">
      <button
        type="button"
        class={isOn ? 'on' : ''}
        data-fault={fault.id}
        aria-disabled={busy}
        aria-describedby={id}
        onClick={() => !busy && void flip()}
        onFocus={() => onRead?.(fault)}
        onPointerEnter={() => onRead?.(fault)}
        {...kind}
      >
        <span class={fault.kind === 'switch' ? 'knob' : 'bolt'} aria-hidden="true" />
        {label}
      </button>
      <span id={id} class="visually-hidden">
        {fault.about}
      </span>
    </div>
  );
}
