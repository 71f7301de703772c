import {agentDdlFromDocument, ddlToRuby, renderDdlConsole, renderDdlMarkdown} from '../../../../src/ddl/index.ts';
import {judgeEqual, type CaseResult, type Judge} from '../../judge.ts';
import {caseList, caseName, type Fields} from './_cases.ts';

/** When an aggregate has several mapping arguments, any one of them may be kept. */
function withoutAggregateOptions(text: unknown): unknown {
  return typeof text === 'string' ? text.replace(/^( {4}aggregate \w+\(:\w+, ):.*\)$/gm, '$1...)') : text;
}

function optionCount(item: Fields): number {
  return Math.max(
    0,
    ...[...JSON.stringify(item['ddl']).matchAll(/"args":\["[^"]*",(\{[^}]*\})\]/g)].map(
      (match) => Object.keys(JSON.parse(match[1] ?? '{}') as object).length,
    ),
  );
}

const judge: Judge = async ({data}) =>
  caseList(data).flatMap((item, index): CaseResult[] => {
    const name = caseName(item, index);
    const ddl = agentDdlFromDocument(item['ddl']);
    const ruby = ddlToRuby(ddl);
    const several = optionCount(item) > 1;
    const results = [
      judgeEqual(`${name} console`, item['console'], renderDdlConsole(ddl)),
      several
        ? judgeEqual(`${name} ruby`, withoutAggregateOptions(item['ruby']), withoutAggregateOptions(ruby))
        : judgeEqual(`${name} ruby`, item['ruby'], ruby),
    ];
    // Where the real tool fails there is no Markdown to compare with.
    if (typeof item['markdown'] === 'string') {
      results.push(judgeEqual(`${name} markdown`, item['markdown'], renderDdlMarkdown(ddl)));
    }
    return results;
  });

export default judge;
