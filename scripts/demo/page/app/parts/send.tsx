import { useId, useState } from 'preact/hooks';
import type { CallInfo, FieldSchema } from '../../model/catalogue.ts';
import { usePage } from '../context.ts';
import { Choice } from './choice.tsx';
import { Badge, Panel } from './panel.tsx';

/** What the API said, as it said it. */
interface Answer {
  status: number;
  text: string;
  details: Record<string, string>;
}

const titleOf = ({ call, command }: CallInfo): string => command ?? call;

/** Each call of the API with a form made from its schema. Nothing is checked here: bad input is answered by the API, or by the hub. */
export function Send() {
  const { catalogue } = usePage();
  const [chosen, setChosen] = useState(0);
  const info = catalogue.calls[chosen];
  if (!info) return null;
  return (
    <Panel title="Send a command" name="send">
      <Choice label="Calls of the API">
        {catalogue.calls.map((each, index) => (
          <button type="button" key={titleOf(each)} aria-pressed={index === chosen} onClick={() => setChosen(index)}>
            {titleOf(each)}
          </button>
        ))}
      </Choice>
      <CallForm key={titleOf(info)} info={info} />
    </Panel>
  );
}

function CallForm({ info }: { info: CallInfo }) {
  const { harness, store } = usePage();
  const hubId = store.watch(({ hub }) => hub.hubId ?? '').value;
  const fields = Object.entries(info.schema.properties);
  const [values, setValues] = useState<Record<string, string | boolean>>(() =>
    Object.fromEntries(fields.map(([name, { type, examples }]) => [name, type === 'boolean' ? false : (examples?.[0] ?? '')])),
  );
  const [raw, setRaw] = useState<string | null>(null);
  const [answer, setAnswer] = useState<Answer | null>(null);
  /** Commands before this one: what the hub says about its fields belongs to a later one. */
  const [since, setSince] = useState(Number.POSITIVE_INFINITY);

  const rejected = store.watch(({ commands }) => {
    const latest = commands.findLast(({ number, command }) => number > since && command === info.command);
    return JSON.stringify(latest?.details ?? []);
  }).value;
  const problems = {
    ...answer?.details,
    ...Object.fromEntries((JSON.parse(rejected) as { field: string; message: string }[]).map(({ field, message }) => [field, message])),
  };

  const body = (): string => raw ?? JSON.stringify(bodyOf(info, hubId, values), null, 2);

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    setSince(store.state.commanded);
    setAnswer(null);
    const { body: reply } = await harness
      .post('call', { call: info.call, body: body() })
      .catch((error: Error) => ({ body: { status: 0, body: { message: error.message } } }));
    setAnswer(answerOf(reply));
  }

  return (
    <form noValidate onSubmit={(event) => void submit(event)}>
      <p class="small">{info.about}</p>
      {raw === null ? (
        fields.map(([name, field]) => (
          <Field
            key={name}
            name={name}
            field={field}
            required={info.schema.required.includes(name)}
            value={values[name] ?? ''}
            problem={problems[name] ?? null}
            onChange={(value) => setValues((before) => ({ ...before, [name]: value }))}
          />
        ))
      ) : (
        <label class="field">
          <span>Body of the request, sent as it is</span>
          <textarea rows={7} value={raw} spellcheck={false} onInput={({ currentTarget }) => setRaw(currentTarget.value)} />
        </label>
      )}
      <div class="actions">
        <button type="submit" class="primary">
          {info.command ? `Send ${info.command}` : info.call}
        </button>
        <button type="button" aria-pressed={raw !== null} onClick={() => setRaw(raw === null ? body() : null)}>
          edit as JSON
        </button>
      </div>
      <p class="answer" role="status">
        {answer && (
          <>
            <Badge tone={answer.status >= 200 && answer.status < 300 ? 'good' : 'bad'}>{answer.status || 'no answer'}</Badge> {answer.text}
          </>
        )}
      </p>
    </form>
  );
}

interface FieldProps {
  name: string;
  field: FieldSchema;
  required: boolean;
  value: string | boolean;
  problem: string | null;
  onChange(value: string | boolean): void;
}

function Field({ name, field, required, value, problem, onChange }: FieldProps) {
  const id = useId();
  const described = { id, 'aria-describedby': `${id}-about`, 'aria-invalid': problem !== null };
  const about = (
    <span id={`${id}-about`} class="small">
      {problem !== null && <strong class="problem">{problem}. </strong>}
      {field.description}
    </span>
  );
  if (field.type === 'boolean') {
    return (
      <div class="field check">
        <label for={id}>
          <input
            type="checkbox"
            {...described}
            checked={value === true}
            onChange={({ currentTarget }) => onChange(currentTarget.checked)}
          />{' '}
          {name}
        </label>
        {about}
      </div>
    );
  }
  return (
    <div class="field">
      <label for={id}>
        {name}
        {required && <span class="small"> (required)</span>}
      </label>
      {field.enum ? (
        <select {...described} value={String(value)} onChange={({ currentTarget }) => onChange(currentTarget.value)}>
          {field.enum.map((option) => (
            <option key={option} value={option}>
              {option || '–'}
            </option>
          ))}
        </select>
      ) : (
        <input
          {...(field.writeOnly ? { type: 'password' } : { type: 'text' })}
          autocomplete="off"
          spellcheck={false}
          {...described}
          value={String(value)}
          onInput={({ currentTarget }) => onChange(currentTarget.value)}
        />
      )}
      {about}
    </div>
  );
}

/** What is empty and may be absent is left out. */
function bodyOf({ command, schema }: CallInfo, hubId: string, values: Record<string, string | boolean>): object {
  const given = Object.fromEntries(
    Object.entries(values).filter(([name, value]) => schema.required.includes(name) || (value !== '' && value !== false)),
  );
  return command ? { hubId, command, args: given } : { hubId, ...given };
}

function answerOf(reply: unknown): Answer {
  const { status, body, message } = reply as {
    status?: number;
    message?: string;
    body?: { message?: string; code?: string; details?: { field: string; message: string }[] };
  };
  if (!body) return { status: 0, text: message ?? '', details: {} };
  const details = Object.fromEntries((body.details ?? []).map((each) => [each.field, each.message]));
  const listed = (body.details ?? []).map((each) => `${each.field}: ${each.message}`).join('; ');
  return { status: status ?? 0, text: [body.code, body.message, listed].filter(Boolean).join(' – ') || 'taken', details };
}
