import { Body, Controller, Delete, Get, HttpCode, Param, Post, Req } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
import { pathId } from '../../platform/rest/path-id.js';
import { PasswordsService } from './passwords.service.js';
import {
  CreateSecondFactor,
  RecoveryCodesView,
  SecondFactorCode,
  SecondFactorSecretView,
  SecondFactorView,
} from './totp.dto.js';
import { TotpService } from './totp.service.js';

/** The second factor of the person who sends the request. */
@ApiTags('accounts')
@Controller('v1/me/totp')
export class TotpController {
  readonly #totp: TotpService;
  readonly #passwords: PasswordsService;

  constructor(totp: TotpService, passwords: PasswordsService) {
    this.#totp = totp;
    this.#passwords = passwords;
  }

  @Get()
  @Allowed('member')
  @ApiOkResponse({ type: SecondFactorView })
  getSecondFactor(@CurrentPrincipal() principal: Principal): Promise<SecondFactorView> {
    return this.#totp.get(principal);
  }

  @Post()
  @Allowed('member')
  @ApiCreatedResponse({
    type: SecondFactorSecretView,
    description: 'Confirm it with a code: until then it asks nobody',
  })
  async createSecondFactor(
    @CurrentPrincipal() principal: Principal,
    @Body() { current }: CreateSecondFactor,
    @Req() { ip = '' }: Request,
  ): Promise<SecondFactorSecretView> {
    await this.#passwords.requireCurrent(principal, current, ip);
    return this.#totp.create(principal);
  }

  @Post('confirm')
  @HttpCode(200)
  @Allowed('member')
  @ApiOkResponse({ type: RecoveryCodesView, description: 'From now on signing in asks for a code' })
  confirmSecondFactor(
    @CurrentPrincipal() principal: Principal,
    @Body() { code }: SecondFactorCode,
    @Req() { ip = '' }: Request,
  ): Promise<RecoveryCodesView> {
    return this.#totp.confirm(principal, code, ip);
  }

  @Post('disable')
  @HttpCode(204)
  @Allowed('member')
  @ApiNoContentResponse({ description: 'Signing in asks for no code any more' })
  disableSecondFactor(
    @CurrentPrincipal() principal: Principal,
    @Body() { code }: SecondFactorCode,
    @Req() { ip = '' }: Request,
  ): Promise<void> {
    return this.#totp.disable(principal, code, ip);
  }
}

/** The second factor of a member who lost their authenticator. */
@ApiTags('accounts')
@Controller('v1/members')
export class MemberTotpController {
  readonly #totp: TotpService;

  constructor(totp: TotpService) {
    this.#totp = totp;
  }

  @Delete(':id/totp')
  @HttpCode(204)
  @ApiOperation({ summary: 'End the second factor of a member who lost their authenticator' })
  @Allowed('admin')
  @ApiNoContentResponse({ description: 'The member signs in with their password alone' })
  resetSecondFactor(
    @CurrentPrincipal() principal: Principal,
    @Param('id', pathId('usr', 'member')) id: string,
  ): Promise<void> {
    return this.#totp.reset(principal, id);
  }
}
