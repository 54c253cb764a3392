//! Which model pack is in use: rows that are only ever added, the newest counts.
//!
//! So the row also says which versions were in use before, below which a pack goes back, and which pack made the
//! templates that are about.

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use time::OffsetDateTime;

use super::entity::pack_use::{ActiveModel, Column, Entity, Model};
use super::{Result, Store, StoreError, millis};

/// A pack that came into use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackUse {
    /// Its place among all: the greatest is in use.
    pub seq: i64,
    pub pack: String,
    pub version: u64,
    /// SHA-256 of its manifest.
    pub digest: [u8; 32],
    /// The name that its templates carry.
    pub embedder: String,
    /// Whether an operator took an older version on purpose.
    pub goes_back: bool,
}

impl TryFrom<Model> for PackUse {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self> {
        let mut digest = [0; 32];
        hex::decode_to_slice(&row.digest, &mut digest)
            .map_err(|_| StoreError::Unreadable("digest"))?;
        Ok(Self {
            seq: row.seq,
            pack: row.pack,
            version: row.version.unsigned_abs(),
            digest,
            embedder: row.embedder,
            goes_back: row.goes_back,
        })
    }
}

impl Store {
    /// Brings a pack into use; `seq` of what is handed in does not count.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn use_pack(&self, used: &PackUse, now: OffsetDateTime) -> Result<i64> {
        let row = ActiveModel {
            seq: NotSet,
            pack: Set(used.pack.clone()),
            version: Set(i64::try_from(used.version).unwrap_or(i64::MAX)),
            digest: Set(hex::encode(used.digest)),
            embedder: Set(used.embedder.clone()),
            goes_back: Set(used.goes_back),
            at: Set(millis(now)),
        };
        Ok(Entity::insert(row).exec(&self.db).await?.last_insert_id)
    }

    /// The pack in use; none where no operator ever chose one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pack_in_use(&self) -> Result<Option<PackUse>> {
        let newest = Entity::find().order_by_desc(Column::Seq);
        newest
            .one(&self.db)
            .await?
            .map(TryInto::try_into)
            .transpose()
    }

    /// The highest version of a pack that was ever in use.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn highest_pack_version(&self, pack: &str) -> Result<Option<u64>> {
        let highest = Entity::find()
            .filter(Column::Pack.eq(pack))
            .order_by_desc(Column::Version);
        let row = highest.one(&self.db).await?;
        Ok(row.map(|row| row.version.unsigned_abs()))
    }

    /// The pack that was in use last of those that make templates of this name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pack_that_made(&self, embedder: &str) -> Result<Option<PackUse>> {
        let newest = Entity::find()
            .filter(Column::Embedder.eq(embedder))
            .order_by_desc(Column::Seq);
        newest
            .one(&self.db)
            .await?
            .map(TryInto::try_into)
            .transpose()
    }
}
