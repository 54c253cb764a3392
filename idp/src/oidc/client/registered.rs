//! Closed sets of registered values: each is an enum that reads and writes exactly the registered names.

/// A value of a registry, such as an algorithm or a grant type.
pub trait Registered: Sized + Copy + 'static {
    /// Every value that is known here.
    const KNOWN: &'static [Self];

    /// The registered name.
    fn name(self) -> &'static str;

    /// The value of this registered name.
    fn named(name: &str) -> Option<Self> {
        Self::KNOWN.iter().copied().find(|it| it.name() == name)
    }
}

/// Declares such a set: the enum, its names, and serde by name.
macro_rules! registered {
    ($(#[$meta:meta])* $visibility:vis enum $name:ident {
        $($(#[$variant_meta:meta])* $variant:ident = $text:literal,)+
    }) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize,
        )]
        $visibility enum $name {
            $($(#[$variant_meta])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The registered name.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl $crate::oidc::client::Registered for $name {
            const KNOWN: &'static [Self] = Self::ALL;

            fn name(self) -> &'static str {
                self.as_str()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use registered;
