import {judgeEqual, type CaseResult, type Judge} from '../../judge.ts';
import {fields, text} from './_cases.ts';
import {startTestNode} from './_node.ts';

/** The files of each node make a node: its configuration loads without a warning, its own agents are all there. */
const judge: Judge = async function* ({data, vectorsDirectory}): AsyncGenerator<CaseResult> {
  for (const [name, files] of Object.entries(fields(data))) {
    await using node = await startTestNode({vectorsDirectory, node: name});
    const {config} = node.context;
    yield judgeEqual(`${name} configuration`, [], config.warnings);
    const settings = text(fields(files)['/etc/choria/server.conf']);
    yield judgeEqual(`${name} identity`, /^identity\s*=\s*(\S+)$/m.exec(settings)?.[1], node.context.identity);
    const described = Object.keys(fields(files))
      .map((path) => /\/mcollective\/agent\/(\w+)\.json$/.exec(path)?.[1])
      .filter((agent) => agent !== undefined);
    const missing = described.filter((agent) => node.registry.get(agent) === undefined);
    yield judgeEqual(`${name} agents`, [], missing);
  }
};

export default judge;
