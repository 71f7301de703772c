/** Reply bodies for odd request bodies, v1. */
import type {Judge} from '../../judge.ts';
import {testProvider} from '../../../support/test-server.ts';
import {type BodiesFile, judgeBodies} from './_rpc-bodies.ts';

const judge: Judge = ({data}) =>
  judgeBodies(data as BodiesFile, {
    version: 1,
    client: testProvider('alice', 'alice.mcollective'),
    server: testProvider('node1', 'node1.example.net'),
  });

export default judge;
