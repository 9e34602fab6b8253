#!/usr/bin/env node
import * as cdk from 'aws-cdk-lib/core';
import { addArchonStacks } from '../lib/archon-application';

const app = new cdk.App();
addArchonStacks(app);
app.synth();
