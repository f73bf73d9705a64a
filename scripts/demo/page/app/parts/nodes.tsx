import type { NodeRow } from '../../model/events.ts';
import { usePage } from '../context.ts';
import { Badge, Panel, type Tone } from './panel.tsx';
import { Scroll } from './scroll.tsx';

/** The node table, as the hub has it. */
export function Nodes() {
  const { store } = usePage();
  const nodes = store.watch((state) => state.nodes).value;
  const available = nodes.filter((node) => node.available).length;
  return (
    <Panel title="Nodes" name="nodes" aside={<span class="count">{`${available} of ${nodes.length} available`}</span>}>
      <Scroll name="scroll" label="Table of nodes">
        <table>
          <thead>
            <tr>
              <th scope="col">node</th>
              <th scope="col">state</th>
              <th scope="col">device</th>
              <th scope="col">serial</th>
              <th scope="col">firmware</th>
              <th scope="col">security</th>
              <th scope="col">link</th>
            </tr>
          </thead>
          <tbody>
            {nodes.map((node) => (
              <tr key={node.nodeId} class={node.available ? '' : 'silent'}>
                <th scope="row">
                  <code>{node.nodeId}</code>
                </th>
                <td class="badges">
                  {states(node).map(([tone, word]) => (
                    <Badge key={word} tone={tone}>
                      {word}
                    </Badge>
                  ))}
                </td>
                <td>
                  {`${node.vendor ?? '?'} model ${node.model ?? '?'}`}
                  {node.readings && <span class="small"> {node.readings}</span>}
                </td>
                <td>
                  <code>{node.serialNumber ?? '?'}</code>
                </td>
                <td>{node.firmwareVersion ?? '?'}</td>
                <td>{(node.securityReason ?? node.security ?? '?').replaceAll('_', ' ')}</td>
                <td>{node.quality == null ? '–' : `${node.quality} %`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {nodes.length === 0 && <p class="empty">The hub has not told of any node yet.</p>}
    </Panel>
  );
}

function states({ available, tamper, powerFault, replaced, problem }: NodeRow): [Tone, string][] {
  const list: [Tone, string][] = [available ? ['good', 'available'] : ['bad', 'unavailable']];
  if (tamper) list.push(['warn', 'tampered']);
  if (powerFault) list.push(['warn', 'power fault']);
  if (replaced) list.push(['warn', 'replaced']);
  if (problem) list.push(['bad', problem]);
  return list;
}
