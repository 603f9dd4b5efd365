import { Injectable } from '@nestjs/common';
import { classifying, type Classification } from '../../policy-engine/classify/classify.js';
import { inSlices } from '../../policy-engine/slices.js';
import { networkOf } from '../accounts/login-limits.js';
import type { ClassifyTools } from './catalog.dto.js';
import { readDefinitions } from './read-definitions.js';

/** The catalog of tools: what tools can do, by their definitions. */
@Injectable()
export class CatalogService {
  /**
   * Classifies definitions in slices between other work of the process; the requests of one address go one after the
   * other. @throws Problem invalid_body for definitions that can't be read
   */
  classify({ tools, server }: ClassifyTools, address: string): Promise<Classification> {
    const read = readDefinitions(tools, server);
    return inSlices(`classify ${networkOf(address)}`, classifying(read.tools, read.server));
  }
}
