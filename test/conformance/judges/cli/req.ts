import {clientJudge} from './_client.ts';

/** Who wrote the agents that come with the program, and how they describe themselves, is the program's own. */
function foldAuthorship(text: string): string {
  return text
    .replaceAll(/^( *go_version: ).*$/gm, '$1<version>')
    .replaceAll(/("(?:author|description|license|url)": )"(?:[^"\\]|\\.)*"/g, '$1"<own words>"');
}

export default clientJudge({compare: {rewrite: foldAuthorship}});
