//! How many digits of an amount come after the decimal mark.

/// Digits after the mark in amounts as Stripe's API has them (docs.stripe.com/currencies). It is ISO 4217's minor unit
/// except for ISK and UGX, which have none but are counted in hundredths there.
pub(super) fn minor_digits(currency: &str) -> i16 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "JPY" | "KMF" | "KRW" | "MGA" | "PYG" | "RWF" | "VND" | "VUV"
        | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "JOD" | "KWD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}
