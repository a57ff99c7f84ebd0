// What front ends may ask of Octroi, for supabase-js: createClient<Database, "octroi">(url, key, { db: { schema: "octroi" } }).
// Made from the migrations by `make types`; `make test` compares.
export type Json =
  | string
  | number
  | boolean
  | null
  | { [key: string]: Json | undefined }
  | Json[]

export type Database = {
  // Allows to automatically instantiate createClient with right options
  // instead of createClient<Database, { PostgrestVersion: 'XX' }>(URL, KEY)
  __InternalSupabase: {
    PostgrestVersion: "12"
  }
  octroi: {
    Tables: {
      [_ in never]: never
    }
    Views: {
      alerts: {
        Row: {
          account_id: string | null
          cleared_at: string | null
          granted: number | null
          meter: string | null
          period_start: string | null
          raised_at: string | null
          resets_at: string | null
          scope: string | null
          subject: string | null
          threshold: number | null
          used: number | null
        }
        Insert: {
          account_id?: string | null
          cleared_at?: string | null
          granted?: number | null
          meter?: string | null
          period_start?: string | null
          raised_at?: string | null
          resets_at?: string | null
          scope?: string | null
          subject?: string | null
          threshold?: number | null
          used?: number | null
        }
        Update: {
          account_id?: string | null
          cleared_at?: string | null
          granted?: number | null
          meter?: string | null
          period_start?: string | null
          raised_at?: string | null
          resets_at?: string | null
          scope?: string | null
          subject?: string | null
          threshold?: number | null
          used?: number | null
        }
        Relationships: []
      }
      api_keys: {
        Row: {
          account_id: string | null
          allowed_endpoints: string[] | null
          allowed_models: string[] | null
          created_at: string | null
          expires_at: string | null
          id: string | null
          key_prefix: string | null
          last_used_on: string | null
          name: string | null
          previous_expires_at: string | null
          revoked_at: string | null
          user_id: string | null
        }
        Relationships: []
      }
      billing_requests: {
        Row: {
          account_id: string | null
          created_at: string | null
          error: string | null
          finished_at: string | null
          id: string | null
          kind: string | null
          message: string | null
          state: string | null
          url: string | null
        }
        Insert: {
          account_id?: string | null
          created_at?: string | null
          error?: string | null
          finished_at?: string | null
          id?: string | null
          kind?: string | null
          message?: string | null
          state?: string | null
          url?: never
        }
        Update: {
          account_id?: string | null
          created_at?: string | null
          error?: string | null
          finished_at?: string | null
          id?: string | null
          kind?: string | null
          message?: string | null
          state?: string | null
          url?: never
        }
        Relationships: []
      }
      budgets: {
        Row: {
          account_id: string | null
          amount: number | null
          created_at: string | null
          meter: string | null
          period: string | null
          scope: string | null
          subject: string | null
        }
        Insert: {
          account_id?: string | null
          amount?: number | null
          created_at?: string | null
          meter?: string | null
          period?: string | null
          scope?: string | null
          subject?: string | null
        }
        Update: {
          account_id?: string | null
          amount?: number | null
          created_at?: string | null
          meter?: string | null
          period?: string | null
          scope?: string | null
          subject?: string | null
        }
        Relationships: []
      }
      invoices: {
        Row: {
          account_id: string | null
          amount_paid_minor: number | null
          created_at: string | null
          currency: string | null
          hosted_url: string | null
          id: string | null
          lines: Json | null
          number: string | null
          paid_at: string | null
          pdf_url: string | null
          period_end: string | null
          period_start: string | null
          status: string | null
          subtotal_minor: number | null
          tax_minor: number | null
          total_minor: number | null
        }
        Relationships: []
      }
      plans: {
        Row: {
          currency: string | null
          features: string[] | null
          limits: Json | null
          models: string[] | null
          month_price_minor: number | null
          name: string | null
          overage: Json | null
          plan: string | null
          rank: number | null
          seats: number | null
          top_ups: string[] | null
          trial_days: number | null
          version: number | null
          year_price_minor: number | null
        }
        Relationships: []
      }
      quota: {
        Row: {
          charged_above: number | null
          from_grants: number | null
          granted: number | null
          included: number | null
          meter: string | null
          overage: number | null
          period: string | null
          period_start: string | null
          plan: string | null
          remaining: number | null
          reserved: number | null
          resets_at: string | null
          scope: string | null
          set_by: string | null
          subject: string | null
          used: number | null
        }
        Relationships: []
      }
      top_up_packs: {
        Row: {
          amount: number | null
          currency: string | null
          expires_after_days: number | null
          meter: string | null
          name: string | null
          pack: string | null
          plans: string[] | null
          price_minor: number | null
        }
        Relationships: []
      }
      top_ups: {
        Row: {
          account_id: string | null
          amount: number | null
          bought_at: string | null
          currency: string | null
          drawn: number | null
          expires_at: string | null
          meter: string | null
          pack: string | null
          paid_minor: number | null
          remaining: number | null
          revoked: number | null
        }
        Relationships: []
      }
      usage: {
        Row: {
          account_id: string | null
          api_key_id: string | null
          audio_input_tokens: number | null
          audio_output_tokens: number | null
          cache_write_12h_tokens: number | null
          cache_write_tokens: number | null
          cached_input_tokens: number | null
          cost_nano_usd: number | null
          endpoint: string | null
          first_token_ms: number | null
          id: string | null
          input_tokens: number | null
          latency_ms: number | null
          model: string | null
          occurred_at: string | null
          output_tokens: number | null
          overrun_tokens: number | null
          reasoning_tokens: number | null
          response_model: string | null
          source: string | null
          total_tokens: number | null
          user_id: string | null
        }
        Insert: {
          account_id?: string | null
          api_key_id?: string | null
          audio_input_tokens?: number | null
          audio_output_tokens?: number | null
          cache_write_12h_tokens?: number | null
          cache_write_tokens?: number | null
          cached_input_tokens?: number | null
          cost_nano_usd?: number | null
          endpoint?: string | null
          first_token_ms?: number | null
          id?: string | null
          input_tokens?: number | null
          latency_ms?: number | null
          model?: string | null
          occurred_at?: string | null
          output_tokens?: number | null
          overrun_tokens?: number | null
          reasoning_tokens?: number | null
          response_model?: string | null
          source?: string | null
          total_tokens?: number | null
          user_id?: string | null
        }
        Update: {
          account_id?: string | null
          api_key_id?: string | null
          audio_input_tokens?: number | null
          audio_output_tokens?: number | null
          cache_write_12h_tokens?: number | null
          cache_write_tokens?: number | null
          cached_input_tokens?: number | null
          cost_nano_usd?: number | null
          endpoint?: string | null
          first_token_ms?: number | null
          id?: string | null
          input_tokens?: number | null
          latency_ms?: number | null
          model?: string | null
          occurred_at?: string | null
          output_tokens?: number | null
          overrun_tokens?: number | null
          reasoning_tokens?: number | null
          response_model?: string | null
          source?: string | null
          total_tokens?: number | null
          user_id?: string | null
        }
        Relationships: []
      }
      usage_daily: {
        Row: {
          account_id: string | null
          cached_input_tokens: number | null
          cost_nano_usd: number | null
          day: string | null
          input_tokens: number | null
          model: string | null
          output_tokens: number | null
          reasoning_tokens: number | null
          requests: number | null
          total_tokens: number | null
          user_id: string | null
        }
        Insert: {
          account_id?: string | null
          cached_input_tokens?: number | null
          cost_nano_usd?: number | null
          day?: string | null
          input_tokens?: number | null
          model?: string | null
          output_tokens?: number | null
          reasoning_tokens?: number | null
          requests?: number | null
          total_tokens?: number | null
          user_id?: string | null
        }
        Update: {
          account_id?: string | null
          cached_input_tokens?: number | null
          cost_nano_usd?: number | null
          day?: string | null
          input_tokens?: number | null
          model?: string | null
          output_tokens?: number | null
          reasoning_tokens?: number | null
          requests?: number | null
          total_tokens?: number | null
          user_id?: string | null
        }
        Relationships: []
      }
    }
    Functions: {
      accept_invitation: { Args: { token: string }; Returns: string }
      account_usage: {
        Args: {
          after_day?: string
          after_model?: string
          after_user?: string
          max_rows?: number
          per?: string
          since?: string
          until?: string
        }
        Returns: {
          cached_input_tokens: number
          cost_nano_usd: number
          day: string
          has_more: boolean
          input_tokens: number
          model: string
          output_tokens: number
          reasoning_tokens: number
          requests: number
          total_tokens: number
          user_id: string
        }[]
      }
      billing_request: {
        Args: { id: string }
        Returns: {
          created_at: string
          error: string
          finished_at: string
          kind: string
          message: string
          state: string
          url: string
        }[]
      }
      buy_top_up: {
        Args: { cancel_url: string; pack: string; success_url: string }
        Returns: string
      }
      cancel_subscription: {
        Args: { at_period_end?: boolean }
        Returns: string
      }
      change_plan: {
        Args: { billing_interval: string; plan: string; preview?: string }
        Returns: string
      }
      change_preview: {
        Args: { id: string }
        Returns: {
          currency: string
          due_minor: number
          error: string
          lines: Json
          message: string
          renewal_minor: number
          renews_at: string
          state: string
          takes_effect_at: string
          tax_minor: number
          usage_minor: number
          valid_until: string
        }[]
      }
      check_quota: {
        Args: { model: string; tokens: number }
        Returns: {
          allowed: boolean
          charged: number
          granted: number
          meter: string
          reason: string
          remaining: number
          reserved: number
          resets_at: string
          retry_after_seconds: number
          scope: string
          used: number
        }[]
      }
      close_team: { Args: Record<PropertyKey, never>; Returns: boolean }
      completion: {
        Args: { id: string }
        Returns: {
          error: Json
          response: Json
          state: string
          status: number
        }[]
      }
      count_tokens: { Args: { model: string; text: string }; Returns: number }
      create_api_key: {
        Args: {
          allowed_endpoints?: string[]
          allowed_models?: string[]
          expires_at?: string
          limits?: Json
          name: string
        }
        Returns: {
          id: string
          key_prefix: string
          secret: string
        }[]
      }
      create_team: { Args: { name: string }; Returns: string }
      decline_invitation: { Args: { token: string }; Returns: boolean }
      delete_my_account: {
        Args: Record<PropertyKey, never>
        Returns: {
          erased: Json
          erased_at: string
          kept: Json
          receipt_id: string
        }[]
      }
      export_my_data: {
        Args: Record<PropertyKey, never>
        Returns: {
          expires_at: string
          path: string
          request_id: string
        }[]
      }
      give_consent: {
        Args: { policy_version: string; purpose: string }
        Returns: boolean
      }
      invite_member: {
        Args: { accept_url: string; email: string; role?: string }
        Returns: string
      }
      leave_team: { Args: Record<PropertyKey, never>; Returns: boolean }
      my_accounts: {
        Args: Record<PropertyKey, never>
        Returns: {
          id: string
          is_acting: boolean
          kind: string
          members: number
          name: string
          plan: string
          role: string
          seats: number
          status: string
        }[]
      }
      my_audit: {
        Args: { before?: number; max_rows?: number }
        Returns: {
          action: string
          actor: string
          detail: Json
          has_more: boolean
          id: number
          occurred_at: string
          reason: string
          subject: string
        }[]
      }
      my_consents: {
        Args: Record<PropertyKey, never>
        Returns: {
          current_text: string
          current_text_hash: string
          current_version: string
          decided_at: string
          is_given: boolean
          method: string
          policy_version: string
          purpose: string
        }[]
      }
      my_data: {
        Args: { after?: string[]; max_rows?: number; table_name: string }
        Returns: {
          data: Json
          next_after: string[]
        }[]
      }
      my_data_tables: {
        Args: Record<PropertyKey, never>
        Returns: {
          about: string
          columns: Json
          legal_basis: string
          processors: string[]
          purpose: string
          retention: string
          table_name: string
        }[]
      }
      my_forecast: {
        Args: Record<PropertyKey, never>
        Returns: {
          charged_at: string
          granted: number
          meter: string
          per_day: number
          period: string
          remaining: number
          resets_at: string
          runs_out_at: string
          scope: string
          subject: string
          used: number
        }[]
      }
      my_invoices: {
        Args: { before?: string; max_rows?: number }
        Returns: {
          amount_paid_minor: number
          created_at: string
          currency: string
          has_more: boolean
          hosted_url: string
          id: string
          lines: Json
          number: string
          paid_at: string
          pdf_url: string
          period_end: string
          period_start: string
          status: string
          subtotal_minor: number
          tax_minor: number
          total_minor: number
        }[]
      }
      my_quota: {
        Args: Record<PropertyKey, never>
        Returns: {
          charged_above: number
          from_grants: number
          granted: number
          included: number
          meter: string
          overage: number
          period: string
          period_start: string
          plan: string
          remaining: number
          reserved: number
          resets_at: string
          scope: string
          set_by: string
          subject: string
          used: number
        }[]
      }
      my_requests: {
        Args: { before?: string; before_id?: string; max_rows?: number }
        Returns: {
          cache_write_tokens: number
          cached_input_tokens: number
          cost_nano_usd: number
          endpoint: string
          first_token_ms: number
          has_more: boolean
          id: string
          input_tokens: number
          latency_ms: number
          model: string
          occurred_at: string
          output_tokens: number
          reasoning_tokens: number
          source: string
          state: string
          total_tokens: number
        }[]
      }
      my_subscription: {
        Args: Record<PropertyKey, never>
        Returns: {
          billing_interval: string
          cancel_at_period_end: boolean
          currency: string
          features: string[]
          granted_until: string
          next_plan: string
          next_plan_at: string
          overage_cap_minor: number
          overage_on: boolean
          plan: string
          plan_name: string
          plan_version: number
          seats: number
          status: string
          trial_ends_at: string
        }[]
      }
      my_usage: {
        Args: {
          after_day?: string
          after_model?: string
          max_rows?: number
          per?: string
          since?: string
          until?: string
        }
        Returns: {
          cached_input_tokens: number
          cost_nano_usd: number
          day: string
          has_more: boolean
          input_tokens: number
          model: string
          output_tokens: number
          reasoning_tokens: number
          requests: number
          total_tokens: number
        }[]
      }
      next_invoice: {
        Args: Record<PropertyKey, never>
        Returns: {
          amount_minor: number
          as_of: string
          currency: string
          due_at: string
          line: string
          meter: string
          period_end: string
          period_start: string
          quantity: number
          slice: number
          unit_amount_minor: number
        }[]
      }
      open_invoice: { Args: { invoice: string }; Returns: string }
      open_portal: { Args: { return_url: string }; Returns: string }
      preview_change: {
        Args: { billing_interval: string; plan: string }
        Returns: string
      }
      receipt: {
        Args: { request_id: string }
        Returns: {
          balances: Json
          cost_nano_usd: number
          endpoint: string
          grants: Json
          id: string
          model: string
          not_charged_nano_usd: number
          not_charged_tokens: number
          occurred_at: string
          overage: Json
          pools: Json
          price_source: string
          price_valid_from: string
          price_version: number
          reasoning_tokens: number
          response_model: string
          service_tier: string
          settled_at: string
          source: string
          total_tokens: number
        }[]
      }
      receive_stripe_events: {
        Args: { events: Json }
        Returns: {
          number: number
          reason: string
          state: string
        }[]
      }
      remove_member: { Args: { member_id: string }; Returns: boolean }
      request_completion: { Args: { request: Json }; Returns: string }
      resend_invitation: { Args: { id: string }; Returns: boolean }
      restrict_api_key: {
        Args: {
          allowed_endpoints?: string[]
          allowed_models?: string[]
          id: string
        }
        Returns: boolean
      }
      resume_subscription: { Args: Record<PropertyKey, never>; Returns: string }
      revoke_api_key: { Args: { id: string }; Returns: boolean }
      revoke_invitation: { Args: { id: string }; Returns: boolean }
      rotate_api_key: {
        Args: { grace_seconds?: number; id: string }
        Returns: {
          key_prefix: string
          previous_works_until: string
          secret: string
        }[]
      }
      set_auto_top_up: {
        Args: { below?: number; monthly_cap_minor?: number; pack: string }
        Returns: boolean
      }
      set_budget: {
        Args: { amount: number; meter: string; model?: string; period: string }
        Returns: boolean
      }
      set_default_output: { Args: { tokens: number }; Returns: number }
      set_key_budget: {
        Args: { amount: number; id: string; meter: string; period: string }
        Returns: boolean
      }
      set_member_budget: {
        Args: {
          amount: number
          member_id: string
          meter: string
          period: string
        }
        Returns: boolean
      }
      set_member_role: {
        Args: { member_id: string; role: string }
        Returns: boolean
      }
      set_notifications: {
        Args: { locale?: string; time_zone?: string; usage_alerts?: boolean }
        Returns: Json
      }
      set_overage: {
        Args: { enabled: boolean; spend_cap_minor?: number }
        Returns: boolean
      }
      start_checkout: {
        Args: {
          billing_interval: string
          cancel_url: string
          plan: string
          success_url: string
        }
        Returns: string
      }
      team_invitations: {
        Args: { before?: string; max_rows?: number }
        Returns: {
          email: string
          ended_at: string
          expires_at: string
          has_more: boolean
          id: string
          invited_at: string
          letters: number
          role: string
          state: string
        }[]
      }
      team_members: {
        Args: Record<PropertyKey, never>
        Returns: {
          email: string
          has_seat: boolean
          is_me: boolean
          joined_at: string
          member_id: string
          role: string
        }[]
      }
      transfer_team: {
        Args: { keep_payment_details?: boolean; member_id: string }
        Returns: boolean
      }
      unsubscribe: {
        Args: { act: boolean; token: string }
        Returns: {
          found: boolean
          is_unsubscribed: boolean
          locale: string
          purpose: string
        }[]
      }
      update_my_contact: {
        Args: {
          account_name?: string
          address?: Json
          billing_email?: string
          locale?: string
          phone?: string
          tax_id?: Json
          time_zone?: string
        }
        Returns: string
      }
      withdraw_consent: { Args: { purpose: string }; Returns: boolean }
    }
    Enums: {
      [_ in never]: never
    }
    CompositeTypes: {
      [_ in never]: never
    }
  }
}

type DatabaseWithoutInternals = Omit<Database, "__InternalSupabase">

type DefaultSchema = DatabaseWithoutInternals[Extract<keyof Database, "public">]

export type Tables<
  DefaultSchemaTableNameOrOptions extends
    | keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends (DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
        DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])
    : never) = never,
> = DefaultSchemaTableNameOrOptions extends {
  schema: keyof DatabaseWithoutInternals
}
  ? (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
      DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])[TableName] extends {
      Row: infer R
    }
    ? R
    : never
  : DefaultSchemaTableNameOrOptions extends keyof (DefaultSchema["Tables"] &
        DefaultSchema["Views"])
    ? (DefaultSchema["Tables"] &
        DefaultSchema["Views"])[DefaultSchemaTableNameOrOptions] extends {
        Row: infer R
      }
      ? R
      : never
    : never

export type TablesInsert<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends (DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never) = never,
> = DefaultSchemaTableNameOrOptions extends {
  schema: keyof DatabaseWithoutInternals
}
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Insert: infer I
    }
    ? I
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
    ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
        Insert: infer I
      }
      ? I
      : never
    : never

export type TablesUpdate<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends (DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never) = never,
> = DefaultSchemaTableNameOrOptions extends {
  schema: keyof DatabaseWithoutInternals
}
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Update: infer U
    }
    ? U
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
    ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
        Update: infer U
      }
      ? U
      : never
    : never

export type Enums<
  DefaultSchemaEnumNameOrOptions extends
    | keyof DefaultSchema["Enums"]
    | { schema: keyof DatabaseWithoutInternals },
  EnumName extends (DefaultSchemaEnumNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"]
    : never) = never,
> = DefaultSchemaEnumNameOrOptions extends {
  schema: keyof DatabaseWithoutInternals
}
  ? DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"][EnumName]
  : DefaultSchemaEnumNameOrOptions extends keyof DefaultSchema["Enums"]
    ? DefaultSchema["Enums"][DefaultSchemaEnumNameOrOptions]
    : never

export type CompositeTypes<
  PublicCompositeTypeNameOrOptions extends
    | keyof DefaultSchema["CompositeTypes"]
    | { schema: keyof DatabaseWithoutInternals },
  CompositeTypeName extends (PublicCompositeTypeNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"]
    : never) = never,
> = PublicCompositeTypeNameOrOptions extends {
  schema: keyof DatabaseWithoutInternals
}
  ? DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"][CompositeTypeName]
  : PublicCompositeTypeNameOrOptions extends keyof DefaultSchema["CompositeTypes"]
    ? DefaultSchema["CompositeTypes"][PublicCompositeTypeNameOrOptions]
    : never

export const Constants = {
  octroi: {
    Enums: {},
  },
} as const
